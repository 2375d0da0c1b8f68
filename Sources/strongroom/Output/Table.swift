internal import Text

/// Columns for people: a head, rows, two spaces between.
struct Table {
    private var rows: [[String]]

    init(_ head: String...) {
        rows = [head]
    }

    init(_ head: [String]) {
        rows = [head]
    }

    mutating func add(_ cells: String...) {
        add(cells)
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.escaped))
    }

    /// The table without a last line break.
    var text: String {
        let widths = rows[0].indices.map { column in
            rows.map { $0[column].count }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard column < row.count - 1 else { continue }
                line += String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}

/// Times for people.
enum Moment {
    /// `2026-11-24 03:20:32 UTC`; "-" for none. Gregorian, from the count of days
    /// (Howard Hinnant's `civil_from_days`).
    static func text(unixMs: Int64) -> String {
        guard unixMs != 0 else { return "-" }
        let seconds = unixMs.quotientFloor(1_000)
        let days = seconds.quotientFloor(86_400)
        let second = seconds - days * 86_400
        let shifted = days + 719_468
        let era = shifted.quotientFloor(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(year)-\(two(month))-\(two(day))"
        return "\(date) \(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) UTC"
    }

    private static func two(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

extension Int64 {
    fileprivate func quotientFloor(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((divisor - 1 - self) / divisor)
    }
}

/// Sizes for people.
enum ByteCount {
    static func text(_ bytes: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = bytes * 10
        var unit = 0
        while value >= 10_240, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        return unit == 0 ? "\(bytes) B" : "\(value / 10).\(value % 10) \(units[unit])"
    }
}

/// Durations for people and programs.
enum Seconds {
    /// Seconds with three digits after the point.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let thousandths = String(attoseconds / 1_000_000_000_000_000)
        return "\(seconds)." + String(repeating: "0", count: 3 - thousandths.count) + thousandths
    }
}
