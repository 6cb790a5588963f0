"""Several studies on one page: which rows mean the same, how they compare, and the page itself."""
