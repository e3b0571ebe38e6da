//! What looks like the corner of a QR code, and whether there is too much of it.

/// How many pixels there are for each place that looks like the corner of a QR code: fewer in noise, more in screens of text.
const PIXELS_PER_CORNER: usize = 1_200;

/// Whether a search is worth its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// There is no QR code.
    Nothing,
    Bearable,
    /// It would not come to an end.
    TooMuch,
}

/// Dark and light pixels.
pub(super) struct DarkMap {
    pub width: usize,
    pub dark: Vec<bool>,
}

impl DarkMap {
    /// What a search would take: it copies the picture for each pair of corners, and noise and fine patterns look like thousands of
    /// corners.
    pub fn effort(&self, light: bool) -> Effort {
        match self.corners(light) {
            corners if corners * PIXELS_PER_CORNER > self.dark.len() => Effort::TooMuch,
            0..3 => Effort::Nothing,
            _ => Effort::Bearable,
        }
    }

    /// How many places look like the corner of a QR code: 1, 1, 3, 1 and 1 modules, both ways.
    fn corners(&self, light: bool) -> usize {
        let (mut count, mut above) = (0, Vec::new());
        for (y, row) in self.dark.chunks_exact(self.width).enumerate() {
            let here = centers(row, light);
            let is_new = |(x, size): &&(usize, usize)| {
                !above.iter().any(|(other, size): &(usize, usize)| other.abs_diff(*x) <= *size)
                    && self.is_corner(*x, y, *size, light)
            };
            count += here.iter().filter(is_new).count();
            above = here;
        }
        count
    }

    /// Whether there are a dark and a light run of the right lengths above and below the point, too.
    fn is_corner(&self, x: usize, y: usize, module: usize, light: bool) -> bool {
        let column = |y: usize| self.dark.get(y * self.width + x).map(|dark| *dark != light);
        let up = (0..=y).rev().map_while(column);
        let down = (y..).map_while(column);
        let (up, down) = (runs(up), runs(down));
        let center = up.0 + down.0;
        let is_gap = |run: usize| 4 * run >= module && run <= 3 * module;
        2 * center >= 3 * module && center <= 5 * module && is_gap(up.1) && is_gap(down.1)
    }
}

/// The lengths of the first run of ink and of the gap after it.
fn runs(line: impl Iterator<Item = bool>) -> (usize, usize) {
    let mut line = line.peekable();
    let mut run = |ink: bool| {
        let mut length = 0;
        while line.next_if_eq(&ink).is_some() {
            length += 1;
        }
        length
    };
    (run(true), run(false))
}

/// The centers of such lines, and the size of a module.
fn centers(row: &[bool], light: bool) -> Vec<(usize, usize)> {
    let (mut found, mut runs) = (Vec::new(), [0usize; 5]);
    let mut start = 0;
    for end in 1..=row.len() {
        if end < row.len() && row[end] == row[start] {
            continue;
        }
        runs.rotate_left(1);
        runs[4] = end - start;
        let module = (runs[0] + runs[1] + runs[3] + runs[4]) / 4;
        let near = |run: usize, modules: usize| run.abs_diff(modules * module) * 4 <= module * 3;
        let is_corner = [0, 1, 3, 4].iter().all(|at| near(runs[*at], 1)) && near(runs[2], 3);
        if row[start] != light && module > 0 && is_corner {
            found.push((end - runs[4] - runs[3] - runs[2] / 2, module));
        }
        start = end;
    }
    found
}
