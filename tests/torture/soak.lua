-- wrk: posts single trades at a steady rate, each with an id of its own, over 1,000 symbols. Arguments: the run's name,
-- trades a second, seconds. After that no request is begun, so that none is without its answer when wrk ends.
local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long microseconds; } soak_time;
  int gettimeofday(soak_time *now, void *zone);
]])
local now = ffi.new("soak_time")

local function seconds_now()
  ffi.C.gettimeofday(now, nil)
  return tonumber(now.seconds) + tonumber(now.microseconds) / 1e6
end

function init(args)
  run, rate, seconds = args[1], tonumber(args[2]), tonumber(args[3])
  slots, count = 0, -1 -- wrk makes one request to look at it, and does not send that
  began = seconds_now()
end

-- Each request takes the next slot of the timetable; one whose time is past is sent at once. What is late at the end is
-- not sent any more.
function delay()
  local due, passed = slots / rate, seconds_now() - began
  if due >= seconds or passed >= seconds then
    return 3600 * 1000
  end
  slots = slots + 1
  return math.max(0, (due - passed) * 1000)
end

function request()
  count = count + 1
  local body = string.format(
    '{"trade_id":"%s-%d","symbol":"S%03d","price":%d.%02d,"qty":"0.%02d","side":"%s","account":"soak"}',
    run, count, count % 1000, 100 + count % 500, count % 100, 1 + count % 99, count % 3 == 0 and "sell" or "buy")
  return wrk.format("POST", "/trade", { ["Content-Type"] = "application/json" }, body)
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d\n", summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
