/// SQL for a column of hex text with its first digit changed, whatever it is.
func firstDigitFlipped(_ column: String) -> String {
    "iif(substr(\(column), 1, 1) = '0', '1', '0') || substr(\(column), 2)"
}
