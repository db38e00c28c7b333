"""What the command line's verbs do, as Python functions of the same names, one file each.

They join what may not know each other: data and model, training and evaluation. The command line
only parses and prints.
"""
