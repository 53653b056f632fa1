"""Metrics of every program: a catalogue of names, histograms, the process, and Prometheus text made of them."""
