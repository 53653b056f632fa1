#!/bin/sh
# Sends one trade with curl, until the app has it: record.sh SYMBOL SIDE PRICE QTY TRADE_ID
# The app's address is in TRADING_APP_URL, a token in TRADING_APP_TOKEN. Sending a trade twice adds nothing.
set -eu
[ $# -eq 5 ] || { echo "usage: record.sh SYMBOL SIDE PRICE QTY TRADE_ID" >&2; exit 2; }
url="${TRADING_APP_URL:-http://127.0.0.1:8000}"
set -- "symbol=$1" "side=$2" "price=$3" "qty=$4" "trade_id=$5"
{
    # The token is not an argument of curl, which other users of the machine could read.
    if [ -n "${TRADING_APP_TOKEN:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$TRADING_APP_TOKEN"; fi
} | curl --config - --silent --show-error --fail-with-body --retry 20 --retry-connrefused --max-time 30 \
    --data-urlencode "$1" --data-urlencode "$2" --data-urlencode "$3" --data-urlencode "$4" --data-urlencode "$5" \
    "$url/trade"
