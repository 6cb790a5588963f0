"""What published reports printed, and whether a study reproduces it: each number is compared with ours, each sentence
is tested on the replicates. The YAML files are in `reports/`. Not here: the study's tables, and where a report
shows all this.
"""
