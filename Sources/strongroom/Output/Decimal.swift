/// Numbers with a fixed count of digits after the point.
enum Decimal {
    /// Rounded to the nearest; "0" for what is no number or has more than 15 digits.
    static func text(_ number: Double, digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = (number * Double(scale)).rounded()
        guard abs(scaled) < 1e15 else { return "0" }
        let (whole, rest) = Int(scaled.magnitude).quotientAndRemainder(dividingBy: scale)
        let sign = scaled < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let text = String(rest)
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - text.count) + text
    }
}
