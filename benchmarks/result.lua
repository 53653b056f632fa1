-- What every script ends with: one line for wrk.py. `count` is how many requests the script has made.
function setup(thread)
  the_thread = thread
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", the_thread:get("count"), summary.requests, summary.duration,
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
