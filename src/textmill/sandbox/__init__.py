"""Where other people's code runs, if anywhere: unit tests of answers, in namespaces with a list of system calls.

    program.py        what is run, within which limits, and how it ended
    run.py            run_python, run_programs, require_sandbox: the side that asks
    jail.py           the process that makes the namespaces, watches the clock and reads what is written
    inside.py         what happens in the new namespaces until the foreign code takes over
    linux.py          the system calls that Python has no name for
    system_calls.py   what the foreign code may ask of the kernel, and the filter that holds it to that

A model's answer is a stranger's program. It sees a file system with Python's own library, read-only, and an empty
/tmp; no network, no other process, no device; it cannot start a process or become anybody. It is run only for a caller
who said `--allow-code-execution`, and refused on a machine that cannot hold it: there is no weaker way around.

What it does not protect from: code that deceives its own tests. Both live in one process, as in HumanEval; a program
that leaves early does not pass, but one that looks for the verdict's pipe or makes everything equal to everything does.
"""
