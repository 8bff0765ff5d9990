/**
 * `leaseFrom` (lib/bucket.ts) for Redis: the same steps in the same order, by the clock of Redis, for all keys at one
 * moment. A bucket is a hash: `t` tokens, `a` when, and `l:<process>` = `tokens until`. Numbers travel as text, for Redis
 * cuts what a script returns to whole numbers.
 */
export const LEASE_SCRIPT = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local holder, lease = 'l:' .. ARGV[1], tonumber(ARGV[2])
local DAY = 86400000
local function endOfDay(at) return (math.floor(at / DAY) + 1) * DAY end
local function text(number) return string.format('%.17g', number) end

local replies = {}
for index, key in ipairs(KEYS) do
	local from = 2 + (index - 1) * 7
	local capacity, perMs = tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2])
	local held, returned = tonumber(ARGV[from + 3]), tonumber(ARGV[from + 4])
	local least, most = tonumber(ARGV[from + 5]), tonumber(ARGV[from + 6])
	local fields, tokens, before, leases = redis.call('HGETALL', key), nil, nil, {}
	for field = 1, #fields, 2 do
		local name, value = fields[field], fields[field + 1]
		if name == 't' then tokens = tonumber(value)
		elseif name == 'a' then before = tonumber(value)
		else
			local count, till = string.match(value, '^(%S+) (%S+)$')
			leases[name] = { tonumber(count), tonumber(till) }
		end
	end
	local at = math.max(now, before or now)
	local isNew = tokens == nil or (perMs == 0 and endOfDay(before) <= at)
	local out, mine = 0, 0
	for name, one in pairs(leases) do
		if isNew or one[2] <= at then
			redis.call('HDEL', key, name)
		else
			out = out + one[1]
			if name == holder then mine = one[1] end
		end
	end
	local filled = capacity
	if not isNew then filled = math.min(tokens + (at - before) * perMs, capacity - out) end
	local level = math.max(0, math.min(filled + returned, capacity - (out - mine) - held))
	local available = math.floor(level + 1e-6)
	local granted = math.min(available, math.max(least, math.min(most, math.floor(available / 4))))
	local left = math.max(0, level - granted)
	local till = at + lease
	if perMs == 0 then till = math.min(till, endOfDay(at)) end
	local stock = held + math.max(0, granted - least)
	redis.call('HSET', key, 't', text(left), 'a', text(at))
	if stock > 0 then redis.call('HSET', key, holder, text(stock) .. ' ' .. text(till))
	else redis.call('HDEL', key, holder) end
	redis.call('PEXPIRE', key, ARGV[from + 7])
	local wait = 0
	if granted < math.max(1, least) and most + least > 0 then
		if perMs == 0 then wait = endOfDay(at) - at else wait = math.max(0, 1 - left) / perMs end
	end
	replies[index] = { text(granted), text(till - at), text(math.ceil(wait)) }
end
return replies
`;
