internal import Glibc

extension LatencyPlot {
    static func log10(_ number: Double) -> Double { Glibc.log10(number) }

    static func power10(_ exponent: Double) -> Double { pow(10, exponent) }
}
