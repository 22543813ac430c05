"""The Lua scripts of cases.py. Each is one whole step; each tells the pages what it did."""

from __future__ import annotations

from connectors.tallies import KEPT_DAYS, STEP

# Counts in a day's tally, see tallies.py.
_COUNT = f"""
local function count(tally, name)
  redis.call('HINCRBY', tally, name, 1)
  redis.call('EXPIRE', tally, {KEPT_DAYS * 24 * 3600})
end
local function took(tally, sort, ms)
  count(tally, sort .. ':' .. math.floor(math.log(math.max(ms / 1000, 1)) / math.log({STEP})))
end
"""

_TELL = """
local function tell(events, most, kind, conversation, advisor)
  redis.call('XADD', events, 'MAXLEN', '~', most, '*',
    'k', kind, 'c', conversation, 'a', advisor, 'w', '')
end
"""

# KEYS queue, case, events, closed; ARGV conversation, why, now, score, open, by, packet,
# expiry in s, events kept. Answers the status before ("none": new) and the place.
ENQUEUE = (
    _TELL
    + """
local status = redis.call('HGET', KEYS[2], 'status')
if status == 'claimed' then return {'claimed', 0} end
if status == 'waiting' then
  if tonumber(ARGV[4]) < tonumber(redis.call('HGET', KEYS[2], 'score')) then
    -- It has become urgent: ahead, but before nobody who was urgent earlier.
    redis.call('HSET', KEYS[2], 'score', ARGV[4], 'why', ARGV[2])
    redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
    tell(KEYS[3], ARGV[9], 'queue', ARGV[1], '')
  end
  if redis.call('HGET', KEYS[2], 'by') == ARGV[6] then status = 'none' end
  return {status, redis.call('ZRANK', KEYS[1], ARGV[1]) + 1}
end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[2], 'status', 'waiting', 'why', ARGV[2], 'since', ARGV[3],
  'heard', ARGV[3], 'score', ARGV[4], 'open', ARGV[5], 'by', ARGV[6], 'packet', ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[8])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
tell(KEYS[3], ARGV[9], 'queue', ARGV[1], '')
return {'none', redis.call('ZRANK', KEYS[1], ARGV[1]) + 1}
"""
)

# KEYS queue, case, of the advisor, claims, waits, events, tally; ARGV conversation, advisor, token,
# now, capacity, waits kept, events kept.
CLAIM = (
    _TELL
    + _COUNT
    + """
if redis.call('HGET', KEYS[2], 'status') ~= 'waiting' then return 'taken' end
if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[5]) then return 'full' end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'status', 'claimed', 'advisor', ARGV[2], 'token', ARGV[3],
  'claimed', ARGV[4], 'answered', '0')
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
-- A night or a Sunday is no usual wait.
if redis.call('HGET', KEYS[2], 'open') == '1' then
  redis.call('LPUSH', KEYS[5], (ARGV[4] - redis.call('HGET', KEYS[2], 'since')) / 1000)
  redis.call('LTRIM', KEYS[5], 0, ARGV[6] - 1)
  took(KEYS[7], 'wait', ARGV[4] - redis.call('HGET', KEYS[2], 'since'))
end
tell(KEYS[6], ARGV[7], 'queue', ARGV[1], ARGV[2])
return 'ok'
"""
)

# KEYS queue, case, of the advisor, claims, events; ARGV conversation, token, only when
# unanswered, events kept.
RELEASE = (
    _TELL
    + """
if redis.call('HGET', KEYS[2], 'status') ~= 'claimed'
  or redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 'changed' end
if ARGV[3] == '1' and redis.call('HGET', KEYS[2], 'answered') == '1' then return 'changed' end
local advisor = redis.call('HGET', KEYS[2], 'advisor')
redis.call('HSET', KEYS[2], 'status', 'waiting', 'advisor', '', 'token', '')
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[1], redis.call('HGET', KEYS[2], 'score'), ARGV[1])
tell(KEYS[5], ARGV[4], 'queue', ARGV[1], advisor)
return 'ok'
"""
)

# KEYS case, of the advisor, of the colleague, claims, events; ARGV conversation, token,
# colleague, new token, now, capacity, events kept.
TRANSFER = (
    _TELL
    + """
if redis.call('HGET', KEYS[1], 'status') ~= 'claimed'
  or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 'changed' end
if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[6]) then return 'full' end
local advisor = redis.call('HGET', KEYS[1], 'advisor')
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'advisor', ARGV[3], 'token', ARGV[4], 'claimed', ARGV[5],
  'answered', '0')
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[1])
tell(KEYS[5], ARGV[7], 'queue', ARGV[1], advisor)
tell(KEYS[5], ARGV[7], 'given', ARGV[1], ARGV[3])
return 'ok'
"""
)

# KEYS case, of the advisor, claims, closed, events; ARGV conversation, token, now, expiry in
# s, events kept.
CLOSE = (
    _TELL
    + """
if redis.call('HGET', KEYS[1], 'status') ~= 'claimed'
  or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 'changed' end
redis.call('HSET', KEYS[1], 'status', 'closed', 'closed', ARGV[3], 'token', '')
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[3] - ARGV[4] * 1000)
tell(KEYS[5], ARGV[5], 'queue', ARGV[1], redis.call('HGET', KEYS[1], 'advisor'))
return 'ok'
"""
)

# KEYS case, tally; ARGV token, now.
ANSWERED = (
    _COUNT
    + """
if redis.call('HGET', KEYS[1], 'status') ~= 'claimed'
  or redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 'changed' end
if redis.call('HGET', KEYS[1], 'answered') ~= '1' then
  took(KEYS[2], 'reply', ARGV[2] - redis.call('HGET', KEYS[1], 'claimed'))
end
redis.call('HSET', KEYS[1], 'answered', '1')
return 'ok'
"""
)

# KEYS case, events; ARGV conversation, now, expiry in s, events kept.
HEARD = (
    _TELL
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'heard', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
tell(KEYS[2], ARGV[4], 'message', ARGV[1], redis.call('HGET', KEYS[1], 'advisor') or '')
return 1
"""
)

# KEYS case, events, tally; ARGV conversation, rating, events kept.
RATE = (
    _TELL
    + _COUNT
    + """
if redis.call('HGET', KEYS[1], 'status') ~= 'closed' then return 0 end
-- A message that is worked on again, after a crash, counts once.
if redis.call('HEXISTS', KEYS[1], 'rating') == 0 then count(KEYS[3], 'rating:' .. ARGV[2]) end
redis.call('HSET', KEYS[1], 'rating', ARGV[2])
tell(KEYS[2], ARGV[3], 'queue', ARGV[1], redis.call('HGET', KEYS[1], 'advisor') or '')
return 1
"""
)

# KEYS queue, claims, closed, of the advisor, case, notes, events; ARGV conversation, events
# kept.
FORGET = (
    _TELL
    + """
for i = 1, 3 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('SREM', KEYS[4], ARGV[1])
if redis.call('DEL', KEYS[5], KEYS[6]) > 0 then tell(KEYS[7], ARGV[2], 'gone', ARGV[1], '') end
return 1
"""
)
