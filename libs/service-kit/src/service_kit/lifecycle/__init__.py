"""How a program starts, serves and ends, the same for every program.

- `signals`: SIGTERM and SIGINT, from the first line of a program; imports nothing else
- `ending`: whether and why a program has to end
- `listening`: the socket it listens on
- `descriptors`: file descriptors, and how many connections they allow
- `server`: uvicorn's server with the guards' sweep and a bounded end
- `serve`: runs the server and the program's parts until one ends, and gives the exit code
"""
