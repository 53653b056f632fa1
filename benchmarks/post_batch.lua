-- wrk: posts batches made from templates, each with ids of its own. Arguments: run, token, content type, templates' files.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "result.lua")

-- A template is kept in the pieces between its marks: a request is one concatenation, with the id in between.
local function pieces(file, head)
  local body = assert(io.open(file, "rb")):read("*a")
  local cut = { string.format(head, #body) }
  local from = 1
  while true do
    local first, last = string.find(body, "@@@@@@@@@@", from, true)
    cut[#cut + 1] = string.sub(body, from, (first or 0) - 1)
    if not first then
      return cut
    end
    cut[#cut + 1] = ""
    from = last + 1
  end
end

function init(args)
  run, count, templates = args[1], 0, {}
  local head = "POST /trades HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. args[2]
    .. "\r\nContent-Type: " .. args[3] .. "\r\nContent-Length: %d\r\n\r\n"
  for index = 4, #args do
    templates[#templates + 1] = pieces(args[index], head)
  end
end

function request()
  count = count + 1
  local parts, id = templates[count % #templates + 1], string.format("%s%07d", run, count)
  for index = 3, #parts, 2 do
    parts[index] = id
  end
  return table.concat(parts)
end
