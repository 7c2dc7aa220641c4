"""Other people's folders of scans and tables, read into the rows of a cohort."""
