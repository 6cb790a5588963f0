"""The shipped studies, one YAML file each."""
