"""What a student saw at an earlier time: the read models of one connection, folded again."""
