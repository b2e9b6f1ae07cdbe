code=$(awk '$1 == "voucher" { print $2 }' "$_last")
grep -qx "$code" codes.txt
redemption=$(awk '$1 == "redemption" { print $2 }' "$_last")
expect "$code" merits wallet voucher --dir ann --redemption "$redemption" --exchange "http://127.0.0.1:${MERITS_PORT%0}4"
