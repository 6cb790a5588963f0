"""Where results are kept: a folder or an S3-compatible store behind one class, `Storage`, with retries and one-line
errors. A probe checks that a storage can be written from here. What the stored files mean is not known here: file
formats are in ledger/, and datasets for clusters in submit/.
"""
