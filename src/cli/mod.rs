//! The command line: arguments, settings, one file a command.
