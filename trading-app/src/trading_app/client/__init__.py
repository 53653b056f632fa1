"""The command line's clients of the app: `send` posts a file of trades, `demo` a made-up stream of them.

open (trade_files, json_array) → complete (completion) → batch (batches) → post (delivery, pace) → show (progress)

`send` and `demo` hold the arguments and import the rest only when run, so that the server needs neither httpx nor rich.
"""
