"""The command line: words become options, options a picture, the picture a file.

main: finds the command, turns errors into one line.
commands: a module for each command.
flags: makes flags from options.
outputs: progress, snapshots and reports of a run; refuses to overwrite.
console: exit codes, messages, the log.
"""
