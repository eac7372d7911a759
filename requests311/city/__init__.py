"""A city as a folder of YAML files: read, checked as a whole, and brought into the database."""
