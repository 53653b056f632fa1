"""How a program starts, serves and ends; the same in every program.

Modules:

    daemon_thread  runs what takes long beside the event loop, without keeping the process from ending
    descriptors    file descriptors, and how many connections they allow
    ending         whether and why a program has to end
    listening      the socket a program listens on
    serve          runs the server and the program's parts until one ends; gives the exit code
    server         uvicorn's server with a check of all deadlines each second and a bounded shutdown
    signals        SIGTERM and SIGINT, from the first line of a program; imports nothing heavy
"""
