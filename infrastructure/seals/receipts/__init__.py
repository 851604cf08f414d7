"""Grade receipts: files that show one grade of the history, and that anybody can check offline."""
