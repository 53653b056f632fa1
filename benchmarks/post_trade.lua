-- wrk: posts one trade a request, each with an id of its own. Arguments: run, path, token, and the most milliseconds to
-- think before a request, 0 for none.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "result.lua")

function init(args)
  run, count = args[1], 0
  head = "POST " .. args[2] .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. args[3]
    .. "\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
  local most = tonumber(args[4])
  if most > 0 then
    delay = function() return math.random(most) end
  end
end

function request()
  count = count + 1
  local body = string.format(
    '{"trade_id":"%s-%d","symbol":"BTC/USDT","price":%d.%02d,"qty":"0.%02d","side":"%s","account":"bench","strategy":"wrk"}',
    run, count, 60000 + count % 5000, count % 100, 1 + count % 99, count * 7 % 10 < 5 and "buy" or "sell")
  return string.format(head, #body, body)
end
