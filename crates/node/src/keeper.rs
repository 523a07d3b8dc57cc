//! Everything a node keeps on disk, and the settings of this run. Disk trouble is told, never fatal.

use crate::data_dir::DataDir;
use crate::instance::{self, InstanceLock};
use crate::settings::{self, Overrides, ReadSettings, Settings};
use crate::state::KeptState;
use crate::view::UiError;

/// What is kept, as it is in memory. Writing happens off the driver's thread, one file at a time.
pub(crate) struct Keeper {
    dir: DataDir,
    file: ReadSettings,
    overrides: Overrides,
    effective: Settings,
    pub(crate) state: KeptState,
    _lock: InstanceLock,
}

impl Keeper {
    /// Reads everything. The notices say what could not be read or written. Blocks.
    pub(crate) fn open(dir: DataDir, overrides: Overrides) -> Result<(Self, Vec<UiError>), UiError> {
        let (lock, unlocked) = instance::lock(&dir)?;
        let (file, unreadable) = settings::read_or_set_aside(dir.path());
        let (state, forgotten) = KeptState::load(&dir);
        let effective = overrides.over(&file.settings);
        let mut keeper = Self { dir, file, overrides, effective, state, _lock: lock };
        let unwritten = keeper.write_first_settings().err();
        let notices = [unlocked, unreadable, forgotten, unwritten].into_iter().flatten().collect();
        Ok((keeper, notices))
    }

    /// The settings in force: the file's, with this run's flags in their place.
    pub(crate) fn settings(&self) -> &Settings {
        &self.effective
    }

    /// Changes settings as a person asked: what changes no longer follows this run's flags.
    pub(crate) async fn change_settings(&mut self, change: impl Fn(&mut Settings)) -> Result<(), UiError> {
        let mut wanted = self.effective.clone();
        change(&mut wanted);
        change(&mut self.file.settings);
        self.drop_overrides_of_changes(&wanted);
        self.effective = self.overrides.over(&self.file.settings);
        let (dir, file) = (self.dir.clone(), self.file.clone());
        off_thread(move || settings::write(dir.path(), &file)).await
    }

    /// Writes the state as it is now.
    pub(crate) async fn save_state(&self) -> Result<(), UiError> {
        let (dir, state) = (self.dir.clone(), self.state.clone());
        off_thread(move || state.save(&dir)).await
    }

    /// A person who looks for the settings file shall find one.
    fn write_first_settings(&mut self) -> Result<(), UiError> {
        if settings::path_in(self.dir.path()).exists() {
            return Ok(());
        }
        settings::write(self.dir.path(), &self.file)
    }

    fn drop_overrides_of_changes(&mut self, wanted: &Settings) {
        let before = &self.effective;
        let given = &mut self.overrides;
        if wanted.coordinator != before.coordinator || wanted.coordinator.is_none() {
            given.coordinator = None;
        }
        if wanted.stream != before.stream || wanted.stream.is_none() {
            given.stream = None;
        }
        if wanted.favourites != before.favourites {
            given.favourites = None;
        }
        if wanted.upload_cap_bps != before.upload_cap_bps {
            given.upload_cap_bps = None;
        }
        if wanted.resume_on_start != before.resume_on_start {
            given.resume_on_start = None;
        }
    }
}

async fn off_thread(write: impl FnOnce() -> Result<(), UiError> + Send + 'static) -> Result<(), UiError> {
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => written,
        Err(error) => Err(UiError::internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(home: &tempfile::TempDir, overrides: Overrides) -> Keeper {
        let (dir, _) = DataDir::create(home.path().to_owned());
        Keeper::open(dir, overrides).unwrap().0
    }

    #[tokio::test]
    async fn a_flag_lasts_for_its_run_and_a_persons_change_for_good() {
        let home = tempfile::tempdir().unwrap();
        let flags =
            Overrides { upload_cap_bps: Some(700_000), live_delay_ms: Some(9000), ..Overrides::default() };
        let mut keeper = open(&home, flags);
        keeper.change_settings(|s| s.resume_on_start = false).await.unwrap();
        assert_eq!((keeper.settings().upload_cap_bps, keeper.settings().resume_on_start), (700_000, false));
        keeper.change_settings(|s| s.upload_cap_bps = 800_000).await.unwrap();
        assert_eq!(keeper.settings().upload_cap_bps, 800_000);
        drop(keeper);
        let again = open(&home, Overrides::default());
        let expected = Settings { upload_cap_bps: 800_000, resume_on_start: false, ..Settings::default() };
        assert_eq!(again.settings(), &expected);
    }
}
