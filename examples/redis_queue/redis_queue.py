"""A queue on Redis Streams, for `QUEUE_BACKEND=redis_queue:RedisQueue` and `QUEUE_URL=redis://...`."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import BURIED, Delivery, Depth, LeaseTerms
from telemetry.domain.transport.outlook import Outlook, Unplaced
from telemetry.domain.transport.queue import QueueUnavailableError

STREAM: Final = "telemetry"
DURABLE: Final = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
LOOK_MS: Final = 100  # how long a receiver may not notice that a lease has ended
LUA: Final = """
local stream, verb, max, OVER = KEYS[1], ARGV[1], tonumber(ARGV[2]), 366 * 86400000
redis.pcall('XGROUP', 'CREATE', stream, 'all', '0', 'MKSTREAM')
local function pending(...) return redis.call('XPENDING', stream, 'all', ...) end
local function claim(consumer, id, left_ms, ...) -- a lease is over once its message has been idle for OVER
  redis.call('XCLAIM', stream, 'all', consumer, 0, id, 'IDLE', OVER - left_ms, ...)
end
local function show(id, receives)
  local fields = redis.call('XRANGE', stream, id, id)[1][2]
  return {id .. ':' .. receives, fields[2], fields[4], receives}
end
local function send(body, sent_ms) redis.call('XADD', stream, '*', 'body', body, 'sent', sent_ms) end
local function delete(id) redis.call('XACK', stream, 'all', id); redis.call('XDEL', stream, id) end
local function settle(consumer, work)            -- return the handles that name no lease, or an older one
  local refused = {}
  for i = 4, #ARGV do
    local id, receives = ARGV[i]:match('^(%d+%-%d+):(%d+)$')
    local each = id and pending(id, id, 1)[1] or {}
    local is_newest = each[2] == consumer and each[4] == tonumber(receives)
    if is_newest and (consumer == 'dead' or each[3] < OVER) then work(id, each[4])
    else table.insert(refused, ARGV[i]) end
  end
  return refused
end
local ready, buried = {}, 0                      -- what was on lease, and is to be received again or dead
for _, each in ipairs(pending('IDLE', OVER, '-', '+', 1e6, 'held')) do
  if each[4] < max then table.insert(ready, each)
  else claim('dead', each[1], 0, 'JUSTID'); buried = buried + 1 end
end
local verbs = {}
function verbs.send() for i = 4, #ARGV do send(ARGV[i], ARGV[3]) end end
function verbs.receive()
  local found, limit = {}, tonumber(ARGV[4])
  for i = 1, math.min(limit, #ready) do
    claim('held', ready[i][1], ARGV[3])
    table.insert(found, show(ready[i][1], ready[i][4] + 1))
  end
  local more = {'COUNT', limit - #found, 'STREAMS', stream, '>'}
  local new = #found < limit and redis.call('XREADGROUP', 'GROUP', 'all', 'held', unpack(more))
  for _, entry in ipairs(new and new[1][2] or {}) do
    claim('held', entry[1], ARGV[3], 'JUSTID')
    table.insert(found, show(entry[1], 1))
  end
  return found
end
function verbs.delete() return settle('held', delete) end
function verbs.extend() return settle('held', function(id) claim('held', id, ARGV[3], 'JUSTID') end) end
function verbs.unlease()
  return settle('held', function(id, n) claim('held', id, 0, 'JUSTID', 'RETRYCOUNT', n - 1) end)
end
function verbs.redrive()
  return settle('dead', function(id) local old = show(id, 0); send(old[2], old[3]); delete(id) end)
end
function verbs.dead()
  local letters = pending('-', '+', ARGV[3], 'dead')
  for i, each in ipairs(letters) do letters[i] = show(each[1], each[4]) end
  return letters
end
function verbs.depth()
  local count = {held = 0, dead = 0}
  for _, each in ipairs(pending()[4] or {}) do count[each[1]] = tonumber(each[2]) end
  local leased = count.held - #ready
  return {redis.call('XLEN', stream) - leased - count.dead, leased, count.dead}
end
return {buried, verbs[verb]() or {}}
"""


class RedisQueue:
    """One stream with one group; its consumer `held` has what is on lease, and `dead` the dead letters."""

    max_body = 1024 * 1024

    def __init__(self, url: str, clock: Clock, terms: LeaseTerms) -> None:
        self._redis = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        self._script = self._redis.register_script(LUA)
        self._clock, self._terms, self._is_durable = clock, terms, False

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self._is_durable = self._is_durable or await self._check()
        await self._ask("send", self._clock.wall_ms(), *bodies)
        return []

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + wait_s
        while not (found := await self._lease(limit)) and (left_s := deadline_s - loop.time()) > 0:
            block = min(LOOK_MS, 1 + int(left_s * 1000))
            await self._answer(self._redis.xread({STREAM: "$"}, count=1, block=block))
        return found

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._settle("delete", 0, handles)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        return await self._settle("extend", round(duration_s * 1000), handles)

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        return handles  # Redis counts deliveries by itself

    async def depth(self) -> Depth:
        return Depth(*await self._ask("depth", 0))

    async def outlook(self) -> Outlook:
        depth = await self.depth()
        unplaced = [Unplaced(depth, 0, self._clock.wall_ms())] if depth.total else []
        return Outlook({}, unplaced, "age")

    async def oldest_ms(self) -> None:
        """Return None: the first message of a stream may be younger than one that was redriven."""

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return _deliveries(await self._ask("dead", limit))

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._settle("redrive", 0, handles)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _lease(self, limit: int) -> Sequence[Delivery]:
        leasing = asyncio.ensure_future(self._ask("receive", self._terms.visibility_ms, limit))
        try:
            return _deliveries(await asyncio.shield(leasing))
        except asyncio.CancelledError:
            with suppress(QueueUnavailableError):  # then these leases end by their time
                await self._settle("unlease", 0, [each.handle for each in _deliveries(await leasing)])
            raise

    async def _settle(self, verb: str, left_ms: int, handles: Sequence[str]) -> Sequence[str]:
        return [handle.decode() for handle in await self._ask(verb, left_ms, *handles)]

    async def _check(self) -> bool:
        """Raise QueueUnavailableError if Redis answers before its disk does, or evicts what it has."""
        found = await self._answer(self._redis.config_get(*DURABLE))
        if wrong := [f"{name} {value}" for name, value in DURABLE.items() if found.get(name) != value]:
            raise QueueUnavailableError(f"Redis would lose messages; set {', '.join(wrong)}")
        return True

    async def _ask(self, verb: str, *args: Any) -> Any:
        buried, answer = await self._answer(self._script([STREAM], [verb, self._terms.max_receives, *args]))
        if buried:
            logging.getLogger(__name__).warning(BURIED, buried, self._terms.max_receives)
        return answer

    async def _answer(self, asking: Any) -> Any:
        try:
            return await asking
        except RedisError as error:
            raise QueueUnavailableError(f"Redis cannot be asked: {error}") from None


def _deliveries(rows: Sequence[Any]) -> Sequence[Delivery]:
    return [Delivery(handle.decode(), body, int(sent), count) for handle, body, sent, count in rows]
