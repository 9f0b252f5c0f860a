"""The command line: one thin file per command. Parse, one call, print.

    start.py      the entry point, which listens to Ctrl-C before it imports the rest
    main.py       the group, and what becomes of every error
    printer.py    the one way out: stdout is data, stderr is remarks
    progress.py   the bar, on a terminal's stderr only
    clean.py      text that people wrote, made safe to print
    hiding.py     private keys and seed phrases, kept out of every message
    options.py    options that several commands share
    request.py    from arguments to a reserve, a source, a statement
    subject.py    what `erario why` is asked about
    commands/     a file per command
    show/         from values to lines of text, to CSV and to JSON

No room below knows of it, and nothing here decides what is true.
"""
