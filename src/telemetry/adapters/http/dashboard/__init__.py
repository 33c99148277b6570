"""The live page at `/dashboard`: the pipeline, its hours, its fleet, and what helps where one is wrong.

The page is plain files: no build, no framework, no other host. Taking records never waits for it. What it
shows is read in a process of its own (`source`), once for all viewers (`feed`).
"""
