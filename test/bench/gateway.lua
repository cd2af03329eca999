-- A request of wrk: the body of BODY with the key in TOKEN, or with each of those in turn, and, with ONCE set, an Idempotency-Key of its own.
local thread_count = 0
function setup(thread) thread:set("thread_number", thread_count); thread_count = thread_count + 1 end
local tokens, turn = {}, 0
for token in string.gmatch(os.getenv("TOKEN"), "%S+") do table.insert(tokens, token) end
local headers = { ["Content-Type"] = "application/json" }
local once, body, number = os.getenv("ONCE"), os.getenv("BODY"), 0
if once == "" then once = nil end
local run = tostring(os.time()) .. "-" .. tostring(math.random(1000000000))
function request()
   turn = turn % #tokens + 1
   headers["Authorization"] = "Bearer " .. tokens[turn]
   if once then
      number = number + 1
      headers["Idempotency-Key"] = once .. "-" .. run .. "-" .. thread_number .. "-" .. number
   end
   return wrk.format("POST", os.getenv("ENDPOINT") or "/v1/sql/execute", headers, body)
end
function done(summary, latency, requests)
   local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
   io.write(string.format("figures %.0f %.2f %.2f %d\n", summary.requests / summary.duration * 1e6,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
