"""The statements of the embedded queue, once its tables exist.

Parameters that end in `_ms` are epoch milliseconds.
"""

from typing import Final

USED: Final = """
SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
SYNCED: Final = "PRAGMA synchronous = FULL"
UNSYNCED: Final = "PRAGMA synchronous = NORMAL"
SEND: Final = "INSERT INTO messages (sent, visible) VALUES (:now_ms, :now_ms)"
SEND_BODY: Final = "INSERT INTO bodies (number, body) VALUES (:number, :body)"
ANY_VISIBLE: Final = "SELECT 1 FROM messages WHERE dead = 0 AND visible <= :now_ms LIMIT 1"
VISIBLE: Final = """
SELECT number, receives, sent, body FROM messages JOIN bodies USING (number)
WHERE dead = 0 AND visible <= :now_ms AND receives < :max_receives ORDER BY number LIMIT :limit
"""
LEASE: Final = "UPDATE messages SET receives = receives + 1, visible = :until_ms WHERE number = :number"
MARK_DEAD: Final = """
UPDATE messages SET dead = 1
WHERE dead = 0 AND visible <= :now_ms AND receives >= :max_receives AND number < :before
"""
UNLEASE: Final = """
UPDATE messages SET receives = receives - 1, visible = :now_ms
WHERE number = :number AND receives = :receives AND dead = 0 AND visible > :now_ms
"""
DELETE: Final = """
DELETE FROM messages WHERE number = :number AND receives = :receives AND dead = 0 AND visible > :now_ms
"""
DELETE_BODY: Final = "DELETE FROM bodies WHERE number = :number"
EXTEND: Final = """
UPDATE messages SET visible = :until_ms
WHERE number = :number AND receives = :receives AND dead = 0 AND visible > :now_ms
"""
DEPTH: Final = """
SELECT
    COALESCE(SUM(dead = 0 AND visible <= :now_ms), 0),
    COALESCE(SUM(dead = 0 AND visible > :now_ms), 0),
    COALESCE(SUM(dead), 0)
FROM messages
"""
MESSAGES: Final = """
SELECT number, sent, CASE WHEN dead THEN 'dead' WHEN visible <= :now_ms THEN 'ready' ELSE 'leased' END
FROM messages
"""
DEAD: Final = """
SELECT number, receives, sent, body FROM messages JOIN bodies USING (number)
WHERE dead = 1 ORDER BY number LIMIT :limit
"""
RESEND: Final = """
INSERT INTO messages (sent, visible)
SELECT sent, :now_ms FROM messages WHERE number = :number AND receives = :receives AND dead = 1
"""
MOVE_BODY: Final = "UPDATE bodies SET number = last_insert_rowid() WHERE number = :number"
DELETE_DEAD: Final = "DELETE FROM messages WHERE number = :number AND receives = :receives AND dead = 1"
