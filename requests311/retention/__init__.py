"""What is older than it is to be kept goes, in small batches that each commit (docs/adr/0013).

Periods of a city are in its Jurisdiction; of what is no city's, in the settings RETENTION_….
"""
