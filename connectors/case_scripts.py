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
-- Who was only to be followed up has asked now: as anybody who asks.
if status == 'waiting' and redis.call('HGET', KEYS[2], 'why') ~= 'follow_up' then
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

# KEYS case, events, details, tags; ARGV conversation, now, expiry in s, events kept.
HEARD = (
    _TELL
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'heard', ARGV[2])
for i = 1, 4 do
  if i ~= 2 then redis.call('EXPIRE', KEYS[i], ARGV[3]) end
end
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

# The conversation has these labels no more; one that nobody has is not offered.
_UNTAG = """
local function untag(tags, labels, prefix, conversation)
  for _, id in ipairs(redis.call('SMEMBERS', tags)) do
    redis.call('SREM', prefix .. id, conversation)
    if redis.call('EXISTS', prefix .. id) == 0 then redis.call('ZREM', labels, id) end
  end
  redis.call('DEL', tags)
end
"""

# KEYS case, details, tags, labels, follow-ups, events; ARGV conversation, now, expiry in s,
# events kept, when it is due ("-": as it was, "": never), prefix of a label's key, how many
# labels follow (-1: as they were), their ids, then pairs of a field and its sealed value.
DETAILS = (
    _TELL
    + _UNTAG
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local count = tonumber(ARGV[7])
local kind = 'note'
if count >= 0 then
  kind = 'queue'
  untag(KEYS[3], KEYS[4], ARGV[6], ARGV[1])
  for i = 8, 7 + count do
    redis.call('SADD', KEYS[3], ARGV[i])
    redis.call('SADD', ARGV[6] .. ARGV[i], ARGV[1])
    redis.call('EXPIRE', ARGV[6] .. ARGV[i], ARGV[3])
    redis.call('ZADD', KEYS[4], ARGV[2], ARGV[i])
  end
end
for i = 8 + math.max(count, 0), #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
if ARGV[5] == '' then redis.call('ZREM', KEYS[5], ARGV[1])
elseif ARGV[5] ~= '-' then redis.call('ZADD', KEYS[5], ARGV[5], ARGV[1]) end
tell(KEYS[6], ARGV[4], kind, ARGV[1], '')
return 1
"""
)

# KEYS follow-ups, queue, case, closed, events; ARGV conversation, now, events kept.
COME_BACK = (
    _TELL
    + """
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return 'later' end
redis.call('ZREM', KEYS[1], ARGV[1])
local status = redis.call('HGET', KEYS[3], 'status')
if not status then return 'gone' end
if status == 'closed' then
  -- Not "open": nobody waits in the way that the usual wait is measured by.
  redis.call('HSET', KEYS[3], 'status', 'waiting', 'why', 'follow_up', 'since', ARGV[2],
    'score', ARGV[2], 'open', '0', 'advisor', '', 'token', '', 'by', '')
  redis.call('HDEL', KEYS[3], 'claimed', 'answered', 'closed', 'rating')
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
  tell(KEYS[5], ARGV[3], 'queue', ARGV[1], '')
else
  tell(KEYS[5], ARGV[3], 'due', ARGV[1], redis.call('HGET', KEYS[3], 'advisor') or '')
end
return status
"""
)

# KEYS queue, claims, closed, follow-ups, of the advisor, tags, labels, events, then all that
# is deleted: case, notes, details; ARGV conversation, events kept, prefix of a label's key.
FORGET = (
    _TELL
    + _UNTAG
    + """
for i = 1, 4 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('SREM', KEYS[5], ARGV[1])
untag(KEYS[6], KEYS[7], ARGV[3], ARGV[1])
if redis.call('DEL', KEYS[9], KEYS[10], KEYS[11]) > 0 then
  tell(KEYS[8], ARGV[2], 'gone', ARGV[1], '')
end
return 1
"""
)
