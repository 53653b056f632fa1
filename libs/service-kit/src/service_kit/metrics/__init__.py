"""Metrics of every program: their catalogue, histograms, and the Prometheus text made from them.

Modules:

    catalogue    a metric's name, kind, unit and meaning
    document     Markdown tables of a catalogue
    histogram    counts of observations by upper bound
    negotiation  format and encoding, from Accept and Accept-Encoding
    process      CPU, memory and descriptors of this process
    text         Prometheus text 0.0.4 and OpenMetrics 1.0
"""
