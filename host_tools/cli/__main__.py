"""The same as the command `xueyang`: python -m host_tools.cli."""

from host_tools.cli import main

main()
