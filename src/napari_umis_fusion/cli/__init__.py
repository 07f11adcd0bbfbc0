"""The command line, `umis-fusion`."""
