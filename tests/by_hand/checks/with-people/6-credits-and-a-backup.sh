# The size of the copy is a part of both answers.
cmp <(merits wallet credits --dir ann) <(merits wallet credits --dir ann-restored)
