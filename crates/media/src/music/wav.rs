//! WAV files, as far as we take them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use hound::{SampleFormat, WavReader};

use super::{LENGTHS, MAX_BYTES, MusicError};

/// The sound of a file, in one channel, and its sample rate.
pub(super) fn read(path: &Path) -> Result<(Vec<i16>, u32), MusicError> {
    let unreadable = |error: &dyn std::error::Error| MusicError::File(error.to_string());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    if size > MAX_BYTES {
        return Err(MusicError::Length);
    }
    let reader = WavReader::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    if spec.sample_format != SampleFormat::Int
        || spec.bits_per_sample != 16
        || !(1..=2).contains(&channels)
    {
        let why = "not PCM of 16 bits in one or two channels";
        return Err(MusicError::File(why.to_owned()));
    }
    // What the file says of its length is not believed.
    let most = LENGTHS.end().as_secs() * u64::from(spec.sample_rate) * channels as u64;
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

fn mono(samples: &[i16], channels: usize) -> Vec<i16> {
    let mixed = |frame: &[i16]| {
        let sum: i32 = frame.iter().map(|sample| i32::from(*sample)).sum();
        let count = i32::try_from(frame.len()).unwrap_or(1).max(1);
        i16::try_from(sum / count).unwrap_or_default()
    };
    samples.chunks_exact(channels).map(mixed).collect()
}
