"""The statements of the embedded queue, once its tables exist.

`:now_ms` and `:until_ms` are milliseconds of the clock that never goes back, `:sent_ms` is epoch
milliseconds. 2 is `SUSPECT_AFTER`, and 0 to 3 are states: as constants, so that SQLite can use the index of
suspects, which almost always has no entry.
"""

from typing import Final

PAGES: Final = """
SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
WRITE_BACK: Final = "PRAGMA wal_checkpoint(TRUNCATE)"
SYNCED: Final = "PRAGMA synchronous = FULL"
UNSYNCED: Final = "PRAGMA synchronous = NORMAL"
SEND: Final = "INSERT INTO messages (sent, since, until) VALUES (:sent_ms, :now_ms, :now_ms)"
SEND_BODY: Final = "INSERT INTO bodies (number, body) VALUES (:number, :body)"
ANY_READY: Final = """
SELECT 1 FROM messages WHERE state = 0 AND NOT (since <= :now_ms AND :now_ms < until) LIMIT 1
"""
ANY_WITHOUT_BODY: Final = """
SELECT 1 FROM messages WHERE state = 0 AND NOT (since <= :now_ms AND :now_ms < until)
AND NOT EXISTS (SELECT 1 FROM bodies WHERE bodies.number = messages.number) LIMIT 1
"""
READY: Final = """
SELECT number, receives, sent, body FROM messages JOIN bodies USING (number)
WHERE state = 0 AND NOT (since <= :now_ms AND :now_ms < until) AND strikes < 2 ORDER BY number LIMIT :limit
"""
SUSPECT: Final = """
SELECT number, receives, sent, body FROM messages JOIN bodies USING (number)
WHERE state = 0 AND NOT (since <= :now_ms AND :now_ms < until) AND strikes >= 2 AND NOT EXISTS (
    SELECT 1 FROM messages AS leased
    WHERE leased.state = 0 AND leased.strikes >= 2 AND leased.strikes > 2
    AND leased.since <= :now_ms AND :now_ms < leased.until
) ORDER BY strikes, number LIMIT MIN(:limit, 1)
"""
LEASE: Final = """
UPDATE messages SET receives = receives + 1, strikes = strikes + 1, since = :now_ms, until = :until_ms
WHERE number = :number
"""
BURY: Final = """
UPDATE messages SET state = 1
WHERE state = 0 AND strikes >= 2 AND strikes >= :max_receives AND NOT (since <= :now_ms AND :now_ms < until)
"""
BURY_AT_ONCE: Final = """
UPDATE messages SET state = 1
WHERE state = 0 AND strikes >= 1 AND NOT (since <= :now_ms AND :now_ms < until)
"""
UNLEASE: Final = """
UPDATE messages SET receives = receives - 1, strikes = MAX(strikes - 1, 0), until = since
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
DELETE: Final = """
DELETE FROM messages
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
DELETE_BODY: Final = "DELETE FROM bodies WHERE number = :number"
EXTEND: Final = """
UPDATE messages SET since = :now_ms, until = :until_ms
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
HAND_BACK: Final = """
UPDATE messages SET until = since, strikes = 0
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
ACQUIT: Final = """
UPDATE messages SET strikes = 0
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
DEPTH: Final = """
SELECT
    COALESCE(SUM(state = 'ready'), 0), COALESCE(SUM(state = 'leased'), 0), COALESCE(SUM(state = 'dead'), 0)
FROM (
    SELECT CASE
        WHEN state <> 0 THEN 'dead'
        WHEN since <= :now_ms AND :now_ms < until THEN 'leased'
        WHEN strikes >= :max_receives THEN 'dead'
        ELSE 'ready'
    END AS state FROM messages WHERE state <> 3
)
"""
OLDEST: Final = """
SELECT MIN(sent) FROM messages
WHERE state = 0 AND (strikes < :max_receives OR (since <= :now_ms AND :now_ms < until))
"""
MESSAGES: Final = """
SELECT number, sent, CASE
    WHEN state <> 0 THEN 'dead'
    WHEN since <= :now_ms AND :now_ms < until THEN 'leased'
    WHEN strikes >= :max_receives THEN 'dead'
    ELSE 'ready'
END FROM messages WHERE state <> 3
"""
LETTERS: Final = """
SELECT number, receives, sent, body FROM messages JOIN bodies USING (number)
WHERE state = 1 ORDER BY number LIMIT :limit
"""
RESEND: Final = """
INSERT INTO messages (sent, since, until)
SELECT sent, :now_ms, :now_ms FROM messages WHERE number = :number AND receives = :receives AND state = 1
"""
MOVE_BODY: Final = "UPDATE bodies SET number = last_insert_rowid() WHERE number = :number"
DELETE_DEAD: Final = "DELETE FROM messages WHERE number = :number AND receives = :receives AND state = 1"

# The statements for a file that is known to be damaged use no index and touch one table each.
BODY: Final = "SELECT body FROM bodies WHERE number = :number"
FIRST_READY: Final = """
SELECT number, receives, sent FROM messages NOT INDEXED
WHERE state = 0 AND NOT (since <= :now_ms AND :now_ms < until) AND strikes < :max_receives ORDER BY number
"""
LAST_READY: Final = FIRST_READY + "DESC"
SET_UNREADABLE: Final = "UPDATE messages SET state = 2 WHERE number = :number AND state = 0"
LEASE_READY: Final = LEASE + "AND state = 0 AND NOT (since <= :now_ms AND :now_ms < until)"
SETTLE: Final = """
UPDATE messages SET state = 3
WHERE number = :number AND receives = :receives AND state = 0 AND since <= :now_ms AND :now_ms < until
"""
