//! WAV files, as far as we take them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use hound::{SampleFormat, WavReader};

use super::{LENGTHS, MAX_BYTES, MusicError, check};

/// A file whose header says that it can be played.
pub(super) fn open(path: &Path) -> Result<WavReader<BufReader<File>>, MusicError> {
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    if size > MAX_BYTES {
        return Err(MusicError::Length);
    }
    let reader = WavReader::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let spec = reader.spec();
    if spec.sample_format != SampleFormat::Int
        || spec.bits_per_sample != 16
        || !(1..=2).contains(&spec.channels)
    {
        let why = "not PCM of 16 bits in one or two channels";
        return Err(MusicError::File(why.to_owned()));
    }
    check(u64::from(reader.duration()), spec.sample_rate)?;
    Ok(reader)
}

/// The sound of a file, in one channel, and its sample rate.
pub(super) fn read(path: &Path) -> Result<(Vec<i16>, u32), MusicError> {
    let reader = open(path)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    // What the file says of its length is not believed.
    let most = LENGTHS.end().as_secs() * u64::from(spec.sample_rate) * u64::from(spec.channels);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut samples = Vec::new();
    for sample in reader.into_samples::<i16>() {
        if samples.len() >= most {
            return Err(MusicError::Length);
        }
        samples.push(sample.map_err(|error| unreadable(&error))?);
    }
    Ok((mono(&samples, channels), spec.sample_rate))
}

fn unreadable(error: &dyn std::error::Error) -> MusicError {
    MusicError::File(error.to_string())
}

fn mono(samples: &[i16], channels: usize) -> Vec<i16> {
    let mixed = |frame: &[i16]| {
        let sum: i32 = frame.iter().map(|sample| i32::from(*sample)).sum();
        let count = i32::try_from(frame.len()).unwrap_or(1).max(1);
        i16::try_from(sum / count).unwrap_or_default()
    };
    samples.chunks_exact(channels).map(mixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 16-bit PCM whose header claims `claimed` bytes of sound, with `there` of them there.
    fn file(
        name: &str,
        channels: u16,
        rate: u32,
        claimed: u32,
        there: usize,
    ) -> std::path::PathBuf {
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + claimed).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * 2 * u32::from(channels)).to_le_bytes());
        bytes.extend((2 * channels).to_le_bytes());
        bytes.extend(16_u16.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(claimed.to_le_bytes());
        bytes.extend(std::iter::repeat_n(1, there));
        let name = format!("sylk-music-{}-{name}.wav", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    fn made_of(path: &Path) -> Result<usize, MusicError> {
        let made = open(path).and_then(|_| read(path));
        let _ = std::fs::remove_file(path);
        made.map(|(samples, _)| samples.len())
    }

    #[test]
    fn what_can_be_played_is_read_into_one_channel() {
        assert_eq!(made_of(&file("mono", 1, 8_000, 16_000, 16_000)), Ok(8_000));
        assert_eq!(
            made_of(&file("stereo", 2, 44_100, 176_400, 176_400)),
            Ok(44_100)
        );
    }

    #[test]
    fn what_cannot_is_refused_by_its_header() {
        let hour = 3_600 * 16_000;
        assert_eq!(
            made_of(&file("long", 1, 8_000, hour, 100)),
            Err(MusicError::Length)
        );
        assert_eq!(
            made_of(&file("short", 1, 8_000, 100, 100)),
            Err(MusicError::Length)
        );
        assert_eq!(
            made_of(&file("slow", 1, 4_000, 8_000, 8_000)),
            Err(MusicError::Rate(4_000))
        );
        for (name, channels, there) in [("three", 3, 16_002), ("cut", 1, 100)] {
            let made = made_of(&file(name, channels, 8_000, 48_000, there));
            assert!(matches!(made, Err(MusicError::File(_))), "{name}: {made:?}");
        }
        let nothing = open(Path::new("/nonexistent/music.wav"));
        assert!(matches!(nothing, Err(MusicError::File(_))));
    }
}
