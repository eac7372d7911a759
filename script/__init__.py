"""The newcomer's commands.

`script/server` and `script/test` are a few lines of bash that find Python and run `script.server` and
`script.test`. Those first prepare the machine (`script.machine`, standard library only), then start
themselves again inside `.venv`, where every dependency is there.
"""
