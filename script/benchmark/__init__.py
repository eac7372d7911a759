"""`script/bench`: what the server does beside what the bare database does, over a growing table.

data/        made-up requests with a city's skew, by COPY
cluster      a PostgreSQL of the bench's own, durable, with pg_stat_statements and auto_explain
stack        web, worker and FCM emulator as processes
people       accounts and their tokens
workloads/   one operation a file: its HTTP calls, its bare SQL
load, bare   the two clients: wrk over HTTP, psycopg over the same statements
measure      one operation at one concurrency, ours and the bare one in turns
targets, report, table, pictures, pages      what came out
"""
