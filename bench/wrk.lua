-- What wrk sends and how it reports: `wrk -s wrk.lua URL -- [METHOD BODY_BYTES]`.
-- No `request` function here: wrk then builds the request once and calls no Lua while it measures.

function init(arguments)
  if arguments[1] then
    wrk.method = arguments[1]
    wrk.body = string.rep("1", tonumber(arguments[2]))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nJSON {"requests": %d, "microseconds": %d, "bytes": %d, "p50_us": %.1f, "p99_us": %.1f, "max_us": %.1f, '
      .. '"socket_errors": %d, "status_errors": %d, "timeouts": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write, errors.status, errors.timeout))
end
