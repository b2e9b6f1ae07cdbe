expect '2014-W37 .* taken back before it was claimed with' merits wallet consents --dir bob
