-- wrk: posts one trade a request, each with an id of its own, so that every one is new.
local thread_number = 0

function setup(thread)
  thread:set("number", thread_number)
  thread_number = thread_number + 1
end

function init(args)
  run = args[1]
  count = 0
end

function request()
  count = count + 1
  local body = string.format(
    '{"trade_id":"%s-%d-%d","symbol":"BTC/USDT","price":%d.%02d,"qty":"0.%02d","side":"%s","account":"bench","strategy":"wrk"}',
    run, number, count, 60000 + count % 5000, count % 100, 1 + count % 99, count % 2 == 0 and "buy" or "sell")
  return wrk.format("POST", "/trade", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
