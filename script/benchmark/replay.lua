-- For wrk: sends the calls of the file REPLAY_FILE, one after the other and again from the first, and writes
-- what came of it as one line of JSON. With REPLAY_ONCE it stops after the last one.
local heads, tails, count, at = {}, {}, 0, 0
local once = os.getenv("REPLAY_ONCE") == "1"
local prefix, keys = os.getenv("REPLAY_KEYS"), 0
local place = string.rep("\1", 32)
local statuses, refusal, exhausted, verified = {}, "", false, false

local file = assert(io.open(os.getenv("REPLAY_FILE"), "rb"))
for call in file:read("*a"):gmatch("[^%z]+") do
   count = count + 1
   local from, to = call:find(place, 1, true)
   if from then
      heads[count], tails[count] = call:sub(1, from - 1), call:sub(to + 1)
   else
      heads[count] = call
   end
end
file:close()

function request()
   -- wrk asks once before it begins, and does not send that.
   if verified then
      at = at + 1
   else
      verified = true
      at = 1
      local first = tails[1] and heads[1] .. place:gsub("\1", "0") .. tails[1] or heads[1]
      at = 0
      return first
   end
   if at > count then
      if once then
         exhausted = true
         wrk.thread:stop()
      end
      at = 1
   end
   if tails[at] then
      keys = keys + 1
      return heads[at] .. string.format("%s%016x", prefix, keys) .. tails[at]
   end
   return heads[at]
end

function response(status, headers, body)
   statuses[status] = (statuses[status] or 0) + 1
   if status >= 300 and refusal == "" then
      refusal = status .. " " .. body:sub(1, 400)
   end
end

local function quoted(text)
   return '"' .. text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency)
   local counted, times, e = {}, {}, summary.errors
   for status, number in pairs(statuses) do
      counted[#counted + 1] = string.format('"%d":%d', status, number)
   end
   for i = 1, #latency do
      local value, number = latency(i)
      times[#times + 1] = string.format("[%d,%d]", tonumber(value), tonumber(number))
   end
   io.write(string.format(
      'RESULT {"requests":%d,"microseconds":%d,"socket_errors":%d,"exhausted":%s,"refusal":%s,"statuses":{%s},"latencies":[%s]}\n',
      summary.requests, summary.duration, e.connect + e.read + e.write + e.timeout, tostring(exhausted),
      quoted(refusal), table.concat(counted, ","), table.concat(times, ",")))
end
