"""Whether a measurement can be trusted, and what a process is capable of.

`gauge` is the study of a measurement by units, workers and repeats, `chart` tells whether a
process is stable and only then what it is capable of, `limits` proposes limits from pilot units,
and `reference` says which slots are locked by their golden and known-bad units. All of it is
functions over arrays and plain values; what is kept in a store is asked and written by
`host_tools.store.capability`.
"""
