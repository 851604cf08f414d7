-- wrk: send the requests of a file in turn, and print the result as one line of JSON.
-- A line of the file is: path, token, ETag, separated by tabs; "-" is none.
local requests, next_request = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, token, etag = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)")
    local headers = { ["Accept-Encoding"] = arguments[2] }
    if token ~= "-" then headers["Authorization"] = "Bearer " .. token end
    if etag ~= "-" then headers["If-None-Match"] = etag end
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests": %d, "seconds": %f, "bytes": %d, "failed": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
