"""``afterbay demo``: real orders through a table, a stream, a mapping and a function into sinks, and a proof.

``verb`` is the command, ``pipeline`` the phases in order. What is written is ``orders``' and ``writing``'s; what is
then found is ``evidence``'s, and what it must be is ``checks``' and ``letter``'s.
"""
