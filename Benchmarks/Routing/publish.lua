-- What wrk sends to measure publishing beside rules: orders in binary mode with 1 KiB of nested JSON, of a thousand customers in turn. Every hundredth is
-- of one of those whom routing.py makes rules for.

local count = 0

local function body(customer)
    local text = '{"order":{"id":' .. 1000000 + customer .. ',"total":129.5,"state":"new"},"customer":{"id":"c-' .. customer
        .. '","country":"de"},"items":[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}],"pad":"'
    return text .. string.rep("x", 1024 - #text - 2) .. '"}'
end

local headers = {
    ["content-type"] = "application/json",
    ["ce-specversion"] = "1.0",
    ["ce-id"] = "A234-1234-1234",
    ["ce-source"] = "/benchmarks/routing",
    ["ce-type"] = "apus.benchmark.v1",
}

-- Made once, so that wrk spends its time on sending.
local others = {}
local matching = {}

function init(args)
    for number = 0, 999 do
        others[number] = wrk.format("POST", nil, headers, body(100000 + number))
        matching[number] = wrk.format("POST", nil, headers, body(number))
    end
end

function request()
    count = count + 1
    if count % 100 == 0 then return matching[(count / 100) % 1000] end
    return others[count % 1000]
end
