"""The Lua scripts of mailbox.py. Each is one whole step on the keys of one partition."""

from __future__ import annotations

# KEYS seen, in, pace; ARGV seconds to remember, conversation id, record, most a minute.
ACCEPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = redis.call('INCR', KEYS[3])
if count == 1 then redis.call('EXPIRE', KEYS[3], 60) end
if tonumber(ARGV[4]) > 0 and count > tonumber(ARGV[4]) then return -1 end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
redis.call('XADD', KEYS[2], '*', 'c', ARGV[2], 'm', ARGV[3])
return 1
"""

# KEYS lease, in, out, conversation, held, transcript, states; ARGV worker, entry, conversation
# id, state, expiry in s, now in ms, stopped (0 or 1), to, line of what was heard ("": nothing
# of this turn is written down), desk ("-": as it is), whether replies go out although an
# advisor has the conversation, transcript kept, then pairs of an outbound record and its line.
FINISH_TURN = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then return 0 end
local claimed = string.sub(redis.call('HGET', KEYS[4], 'desk') or '', 1, 6) == 'claim:'
redis.call('HSET', KEYS[4], 'state', ARGV[4], 'heard', ARGV[6], 'stopped', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', KEYS[4], 'to', ARGV[8]) end
if ARGV[10] ~= '-' and not claimed then redis.call('HSET', KEYS[4], 'desk', ARGV[10]) end
redis.call('HINCRBY', KEYS[4], 'turns', 1)
redis.call('EXPIRE', KEYS[4], ARGV[5])
if ARGV[9] ~= '' then redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[12], '*', 'm', ARGV[9]) end
-- An advisor may have taken the conversation while the bot made its answer.
if not claimed or ARGV[11] == '1' then
  for i = 13, #ARGV, 2 do
    local id = redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', ARGV[i])
    if ARGV[9] ~= '' then
      redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[12], '*', 'm', ARGV[i + 1], 'o', id)
    end
  end
end
if ARGV[9] ~= '' then redis.call('EXPIRE', KEYS[6], ARGV[5]) end
-- The person has written: what waited for that goes out now, after the answer.
local waited = redis.call('LRANGE', KEYS[5], 0, -1)
for _, waiting in ipairs(waited) do
  redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', waiting)
end
if #waited > 0 then
  redis.call('DEL', KEYS[5])
  local states = redis.call('HGETALL', KEYS[7])
  for i = 1, #states, 2 do
    if states[i + 1] == 'held' then redis.call('HSET', KEYS[7], states[i], 'sent') end
  end
end
return 1
"""

# What became of a message, for the transcript. States of lines that are gone go as well.
_STATE = """
local function state(states, transcript, out, word, expiry)
  redis.call('HSET', states, out, word)
  redis.call('EXPIRE', states, expiry)
  if redis.call('HLEN', states) < 3000 then return end
  local first = redis.call('XRANGE', transcript, '-', '+', 'COUNT', 1)[1]
  local oldest = first and tonumber(string.match(first[1], '^%d+')) or 0
  for _, id in ipairs(redis.call('HKEYS', states)) do
    if tonumber(string.match(id, '^%d+')) < oldest then redis.call('HDEL', states, id) end
  end
end
"""

# KEYS out, conversation, states, transcript, delivery if the provider gave an id; ARGV entry,
# status, expiry in s. Answers 2 when the desk has to do with the conversation.
SENT = (
    _STATE
    + """
local status = ARGV[2]
if #KEYS > 4 then
  -- The provider may have told more already than we know ourselves.
  if redis.call('HSETNX', KEYS[5], 'status', status) == 0 then
    status = redis.call('HGET', KEYS[5], 'status')
  end
  redis.call('HSET', KEYS[5], 'out', ARGV[1])
  redis.call('EXPIRE', KEYS[5], ARGV[3])
end
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
state(KEYS[3], KEYS[4], ARGV[1], status, ARGV[3])
return (redis.call('HGET', KEYS[2], 'desk') or '') == '' and 1 or 2
"""
)

# KEYS delivery, conversation, states, transcript; ARGV status, error, expiry in s, all
# statuses in order. Answers 2 when the desk has to do with the conversation.
DELIVERED = (
    _STATE
    + """
local function rank(status)
  for i = 4, #ARGV do if ARGV[i] == status then return i end end
  return 0
end
if rank(ARGV[1]) <= rank(redis.call('HGET', KEYS[1], 'status') or '') then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[1], 'error', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local out = redis.call('HGET', KEYS[1], 'out')
if out then state(KEYS[3], KEYS[4], out, ARGV[1], ARGV[3]) end
return (redis.call('HGET', KEYS[2], 'desk') or '') == '' and 1 or 2
"""
)

# KEYS out, held, states, transcript; ARGV entry, record, expiry in s, most that wait.
HOLD = (
    _STATE
    + """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -ARGV[4], -1)
redis.call('EXPIRE', KEYS[2], ARGV[3])
state(KEYS[3], KEYS[4], ARGV[1], 'held', ARGV[3])
return 1
"""
)

# Generic cell rate: the ms to wait before the turn that is taken now.
# KEYS bucket; ARGV now in ms, ms between two.
PACE = """
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
local now, step = tonumber(ARGV[1]), tonumber(ARGV[2])
if due < now then due = now end
redis.call('SET', KEYS[1], due + step, 'PX', math.ceil(due + step - now) + 1000)
return math.ceil(due - now)
"""

# KEYS in or out, dead, states, transcript; ARGV entry, conversation id, record, why, expiry
# in s.
BURY = (
    _STATE
    + """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', '100000', '*',
  'c', ARGV[2], 'm', ARGV[3], 'why', ARGV[4])
if string.sub(ARGV[4], 1, 4) == 'out:' then
  state(KEYS[3], KEYS[4], ARGV[1], 'failed', ARGV[5])
end
return redis.call('XDEL', KEYS[1], ARGV[1])
"""
)

BURY_BACK = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'c', ARGV[2], 'm', ARGV[3])
return 1
"""

EXTEND_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""

RELEASE_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
